# /// script
# requires-python = ">=3.10"
# dependencies = ["google-crc32c"]
# ///
"""Make a models/ folder, as easygpt2.py reads it, of GPT-2 weights in another layout.

What FOLDER is, is found by looking into it:
    the original EasyGPT2's data   hparams.json, encoder.json, vocab.bpe, *.tensorbin
    OpenAI's release               hparams.json, encoder.json, vocab.bpe, a TensorFlow checkpoint
    Hugging Face's layouts         config.json; model.safetensors or pytorch_model.bin, whole or in
                                   shards; vocab.json and merges.txt, or tokenizer.json

Numbers are copied bit for bit, one tensor at a time. Only bfloat16 becomes float32, which holds the
same numbers and which easygpt2.py reads. Mask buffers are left out, and the data is aligned, so
that easygpt2.py can map the file into memory instead of reading it.
The layouts, and the sources of each, are in tools/formats.
"""

import shlex

from tools import command
from tools.model_folder import convert


def main(arguments):
    """Run the command."""
    parser = command.Parser("convert.py", __doc__)
    parser.add_argument("source", metavar="FOLDER", help="GPT-2 in one of these layouts")
    parser.add_argument("target", metavar="models/NAME", help="the new folder")
    options = parser.parse_args(arguments)
    convert(options.source, options.target)
    next_command = f'python easygpt2.py "Once upon a time" --model {shlex.quote(options.target)}'
    command.say(f"{options.target} is ready; type: {next_command}")


if __name__ == "__main__":
    command.run("convert.py", main)
