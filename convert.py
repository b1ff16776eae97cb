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

Numbers are copied bit for bit, one tensor at a time; mask buffers are left out, and the data is
aligned, so that easygpt2.py can map the file into memory instead of reading it.
The layouts, and the sources of each, are in tools/formats.
"""

import shlex

from tools import command
from tools.command import check, say
from tools.model_folder import convert

USAGE = """usage: python convert.py FOLDER models/NAME
  FOLDER       GPT-2 as the original EasyGPT2, OpenAI (TensorFlow) or Hugging Face stores it
  models/NAME  the new folder; then: python easygpt2.py "Once upon a time" --model models/NAME"""


def main(arguments):
    """Run the command."""
    check(len(arguments) == 2, "needs a FOLDER and a models/NAME", status=2)
    source, target = arguments
    convert(source, target)
    next_command = f'python easygpt2.py "Once upon a time" --model {shlex.quote(target)}'
    say(f"{target} is ready; type: {next_command}")


if __name__ == "__main__":
    command.run("convert.py", USAGE, main)
