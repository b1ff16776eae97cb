# /// script
# requires-python = ">=3.10"
# dependencies = ["numpy>=1.26", "safetensors", "tokenizers", "torch>=2.9", "transformers>=4.56"]
# ///
"""Train a small GPT-2 from scratch on texts: this is how models/tales is made.

The architecture is GPT-2's exactly: transformers' GPT2LMHeadModel, without dropout. The vocabulary
is a byte-level BPE, as GPT-2's, trained on the same texts by tokenizers; `<|endoftext|>` is its
last id and stands before each text. Muon (Jordan et al., 2024) changes the matrices of the layers,
AdamW the rest. The learning rate rises, then stays where it is, and in the last fifth of the steps
falls to zero. Until then nothing depends on how many steps there will be, so one may still decide
to end sooner or to go on for longer. RECIPE.md has the short runs by which all this was chosen. One
text in fifty is held out (evaluate.py says which), and measured at the end, on the model as it is
stored.

The seed is fixed: the same command on the same CPU makes the same model. Products are bfloat16
where the processor has them, and the sums of another processor come in another order.
"""

import io
import itertools
import json
import os
import shlex
import shutil
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path

import evaluate  # says it if one of those below is missing
import numpy as np
import safetensors.torch
import torch
import transformers
from tokenizers import ByteLevelBPETokenizer

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tools import command  # noqa: E402
from tools.command import check  # noqa: E402
from tools.model_folder import convert  # noqa: E402

N_VOCAB, N_CTX, N_EMBD, N_LAYER, N_HEAD = 4096, 256, 192, 6, 6
BATCH = 16  # windows of n_ctx tokens in a step
AT_ONCE = 4  # windows whose logits are made at once
N_STEPS = 9500
LEARNING_RATE = 3e-3  # where it is highest
WARM_UP = 100  # steps in which it rises to that
DECAY = 0.2  # the last part of all steps, in which it falls to zero
EVERY = 100  # steps from one line of the log to the next, and to the next checkpoint
SEED = 1337


def main(arguments):
    """Run the command."""
    parser = command.Parser("training/train_tales.py", __doc__)
    parser.add_argument("corpus", metavar="CORPUS", help=evaluate.CORPUS)
    parser.add_argument("target", metavar="models/NAME", help="the new folder")
    steps = f"how often the weights change, each time by {BATCH} windows of {N_CTX} tokens"
    parser.add_argument(
        "--steps", metavar="N", type=int, default=N_STEPS, help=f"{steps} ({N_STEPS})"
    )
    options = parser.parse_args(arguments)
    check(options.steps >= 1, "--steps must be at least 1", status=2)
    train(options.corpus, Path(options.target), options.steps)
    next_command = f'python easygpt2.py "Once upon a time" --model {shlex.quote(options.target)}'
    command.say(f"{options.target} is ready; type: {next_command}")


def train(corpus, target, n_steps):
    """Make the model folder `target`, which appears whole or not at all, from a file or folder.

    The checkpoint and the log are in a folder beside it, where the same call goes on. Raises
    Refused where the texts are too few or the target or the checkpoint is another's,
    OSError where a file cannot be read or written.
    """
    check(not os.path.lexists(target), f"{target} is there already; choose another name")
    held_out, texts = evaluate.read_texts(corpus)
    staging = target.with_name(f".{target.name}.training")
    log, made = staging / "train.log", staging / "made"
    with tempfile.TemporaryDirectory() as folder:
        train_tokenizer(held_out + texts, Path(folder))
        tokenizer, end_of_text = evaluate.read_tokenizer(folder)
        check(end_of_text > 256, f"{corpus} has nothing twice to make a token of")
        ids = evaluate.encode(texts, tokenizer, end_of_text)
        problem = f"{corpus} has {len(ids)} tokens to learn from, {N_CTX + 1} are needed"
        check(len(ids) > N_CTX, problem)
        model = new_model(end_of_text)
        staging.mkdir(parents=True, exist_ok=True)
        take_steps(model, ids, n_steps, staging / "checkpoint.pt", log)
        model.config.to_json_file(Path(folder) / "config.json")
        weights = safetensors.torch.save(model.transformer.half().cpu().state_dict())
        (Path(folder) / "model.safetensors").write_bytes(weights)
        shutil.rmtree(made, ignore_errors=True)
        convert(folder, made)
    say(log, f"held out: {evaluate.evaluate(held_out, made)}")
    shutil.copyfile(log, made / log.name)
    made.rename(target)
    shutil.rmtree(staging)


def say(log, line):
    """Print a line and add it to the file `log`."""
    with open(log, "a", encoding="utf-8") as file:
        file.write(line + "\n")
    command.say(line)


def train_tokenizer(texts, folder):
    """Write vocab.json and merges.txt of a byte-level BPE of N_VOCAB tokens into the folder."""
    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(texts, N_VOCAB - 1, min_frequency=2, show_progress=False)
    tokenizer.save_model(str(folder))
    path = folder / "vocab.json"
    vocabulary = json.loads(path.read_text("utf-8"))
    vocabulary[evaluate.END_OF_TEXT] = len(vocabulary)  # the last id, as in OpenAI's
    path.write_text(json.dumps(vocabulary, ensure_ascii=False), "utf-8")


def new_model(end_of_text):
    """Return GPT-2 in small, with the random weights that the seed gives."""
    torch.manual_seed(SEED)
    config = transformers.GPT2Config(
        vocab_size=end_of_text + 1,
        n_positions=N_CTX,
        n_embd=N_EMBD,
        n_layer=N_LAYER,
        n_head=N_HEAD,
        activation_function="gelu_pytorch_tanh",  # GPT-2's, computed in one piece: a third faster
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=end_of_text,
        eos_token_id=end_of_text,
        architectures=["GPT2LMHeadModel"],
    )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = transformers.GPT2LMHeadModel(config).to(device)
    model.config.activation_function = "gelu_new"  # GPT-2's own name for it, for config.json
    return model


class Float32Muon(torch.optim.Muon):
    """torch's Muon, but with float32 products.

    torch's own are bfloat16 everywhere, and a processor that has to imitate bfloat16 takes many
    times as long for them. https://kellerjordan.github.io/posts/muon/ explains the algorithm.
    """

    @torch.no_grad()
    def step(self):
        """Change every matrix, [rows, columns], by its gradient."""
        for group in self.param_groups:
            for weight in group["params"]:
                state = self.state[weight]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(weight)
                average = state["momentum_buffer"].lerp_(weight.grad, 1 - group["momentum"])
                direction = weight.grad.lerp(average, group["momentum"])
                rows, columns = weight.shape
                rate = group["lr"] * 0.2 * max(rows, columns) ** 0.5  # "match_rms_adamw"
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.sub_(rate * self.orthogonal(direction, group))

    @staticmethod
    def orthogonal(matrix, group):
        """Return a matrix, [rows, columns], with nearly the same singular vectors, all near 1."""
        is_tall = matrix.shape[0] > matrix.shape[1]
        x = matrix.T if is_tall else matrix
        x = x / x.norm().clamp(min=group["eps"])
        a, b, c = group["ns_coefficients"]
        for _ in range(group["ns_steps"]):
            gram = x @ x.T
            factor = torch.addmm(gram, gram, gram, beta=b, alpha=c)  # b gram + c gram²
            x = torch.addmm(x, factor, x, beta=a)  # a x + factor x
        return x.T if is_tall else x


def new_optimizers(model, bfloat16):
    """Return Muon for the matrices of the layers, and AdamW for the rest.

    bfloat16 says whether the processor has products of that type.
    """
    embeddings = [model.transformer.wte.weight, model.transformer.wpe.weight]
    matrices = [weight for weight in model.transformer.h.parameters() if weight.dim() > 1]
    vectors = [weight for weight in model.parameters() if weight.dim() == 1]
    groups = [{"params": embeddings}, {"params": vectors, "weight_decay": 0.0}]
    muon = torch.optim.Muon if bfloat16 else Float32Muon
    return [
        muon(matrices, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(groups, weight_decay=0.1, betas=(0.9, 0.98)),
    ]


def take_steps(model, ids, n_steps, checkpoint, log):
    """Change the model's weights n_steps times; those that `checkpoint` knows of are not repeated.

    ids: all texts to learn from in one row, int64, [n_tokens]; a step takes BATCH windows of it by
    chance. Raises Refused where the checkpoint is of other work.
    """
    device = model.device.type
    if device == "cuda":
        machine = torch.cuda.get_device_name()
        capable = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        machine = f"{torch.get_num_threads()} threads of a CPU"
        found = torch.cpu.get_capabilities()
        capable = bool(found.get("avx512_bf16") or found.get("amx_bf16"))
    optimizers = new_optimizers(model, capable)
    sizes = [N_VOCAB, N_CTX, N_EMBD, N_LAYER, N_HEAD]
    rates = [BATCH, LEARNING_RATE, WARM_UP, DECAY]
    recipe = [*sizes, *rates, SEED, sha256(ids.tobytes()).hexdigest()]
    work = {"n_steps": n_steps, "recipe": recipe}
    done = load(checkpoint, model, optimizers, work) if checkpoint.exists() else 0
    n_parameters = model.num_parameters()
    say(log, f"from step {done}: {len(ids):,} tokens, {n_parameters:,} parameters, {machine}")
    draws = np.random.default_rng(SEED)
    losses, began = [], time.monotonic()
    for step in range(n_steps):
        starts = draws.integers(0, len(ids) - N_CTX, BATCH)
        if step < done:
            continue
        for group in itertools.chain(*[optimizer.param_groups for optimizer in optimizers]):
            group["lr"] = learning_rate(step, n_steps)
        windows = np.stack([ids[start : start + N_CTX + 1] for start in starts])
        windows = torch.from_numpy(windows).to(device)  # [BATCH, N_CTX + 1]
        losses.append(learn(model, windows, capable))
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        if (step + 1) % EVERY == 0 or step + 1 == n_steps:
            minutes = (time.monotonic() - began) / 60
            mean = sum(losses) / len(losses)
            say(log, f"{minutes:5.1f} min, step {step + 1}, loss {mean:.3f} nats a token")
            losses = []
            save(checkpoint, model, optimizers, work | {"done": step + 1})


def learn(model, windows, bfloat16):
    """Add the gradients of the mean loss to those of the model; return that loss, nats a token.

    windows: ids, int64, [BATCH, N_CTX + 1]. The logits of all windows at once are more than the
    processor's caches hold, so they are made and used up for a few windows at a time: on a CPU a
    fifth faster. Products are bfloat16 where `bfloat16` says so.
    """
    cast = torch.autocast(windows.device.type, torch.bfloat16, enabled=bfloat16)
    with cast:
        x = model.transformer(windows[:, :-1]).last_hidden_state  # [BATCH, N_CTX, N_EMBD]
    leaf, loss = x.detach().requires_grad_(), 0.0
    for rows, targets in zip(leaf.split(AT_ONCE), windows[:, 1:].split(AT_ONCE), strict=True):
        with cast:
            logits = model.lm_head(rows)  # [AT_ONCE, N_CTX, n_vocab]
        logits = logits.float().flatten(0, 1)
        part = torch.nn.functional.cross_entropy(logits, targets.flatten())
        part = part * len(rows) / len(windows)
        part.backward()
        loss += part.item()
    x.backward(leaf.grad)
    return loss


def learning_rate(step, n_steps):
    """Return the learning rate of a step, counted from zero: up in a line, flat, down in a line."""
    return LEARNING_RATE * min(1, (step + 1) / WARM_UP, (n_steps - step) / (DECAY * n_steps))


def save(checkpoint, model, optimizers, state):
    """Write all that the steps to come need, at once or not at all."""
    states = [optimizer.state_dict() for optimizer in optimizers]
    buffer = io.BytesIO()  # torch, writing by itself, raises no OSError where there is no room
    torch.save(state | {"model": model.state_dict(), "optimizers": states}, buffer)
    new = checkpoint.with_suffix(".new")
    with open(new, "wb") as file:
        file.write(buffer.getbuffer())
        file.flush()
        os.fsync(file.fileno())
    new.replace(checkpoint)


def load(checkpoint, model, optimizers, work):
    """Take up what `save` has written of the same work; return how many steps are done.

    The number of steps may be another, as long as those that are done would have been the same.
    """
    state = torch.load(checkpoint, map_location=model.device)
    folder, done = checkpoint.parent, state["done"]
    remove = shlex.join(["rm", "-r", "--", str(folder)])
    problem = f"{folder} was begun with other texts or constants: bring those back, or remove it"
    check(state["recipe"] == work["recipe"], problem, remove)
    problem = (
        f"{folder} has done {done} of --steps {state['n_steps']}, in another way than "
        f"--steps {work['n_steps']} would: give the former, or remove it"
    )
    for step in range(done):
        same = learning_rate(step, state["n_steps"]) == learning_rate(step, work["n_steps"])
        check(same, problem, remove)
    model.load_state_dict(state["model"])
    for optimizer, its_state in zip(optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(its_state)
    return done


if __name__ == "__main__":
    command.run("training/train_tales.py", main)
