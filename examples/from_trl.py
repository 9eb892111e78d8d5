"""Turn a KTO script of TRL into OREO: another class and another config.

    python examples/from_trl.py          OREO; TRL is not needed
    python examples/from_trl.py --kto    TRL's KTO on the same rows (pip install trl)

It runs offline on a CPU in well under two minutes. The rows are right and wrong answers to "the day
after monday" in TRL's unpaired preference format. The model is made on the spot; it knows that the
answer is a day, but not which one.
"""

import argparse
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, set_seed

from oreo_agent.model.networks import new_policy
from oreo_agent.model.tokenizers import word_tokenizer

DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WORDS = ["<pad>", "<s>", "<unk>", "<eos>", "the", "day", "after", *DAYS]


def rows() -> list[dict[str, object]]:
    """Every answer to every question, and whether it is right: 7 of 49 are."""
    return [
        {"prompt": f"the day after {day} ", "completion": answer, "label": (i + 1) % 7 == k}
        for i, day in enumerate(DAYS)
        for k, answer in enumerate(DAYS)
    ]


def make_model(folder: Path) -> None:
    """A small language model in Hugging Face format that answers with any day."""
    tokenizer = word_tokenizer(WORDS, bos="<s>", eos="<eos>", unk="<unk>", pad="<pad>")
    model = new_policy(len(WORDS), "64x2", bos=1, eos=3, pad=0, seed=0)
    texts = [f"{row['prompt']}{row['completion']}<eos>" for row in rows()]
    ids = torch.tensor(tokenizer(texts)["input_ids"])
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(60):
        model(ids, labels=ids).loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@torch.no_grad()
def right(model, tokenizer) -> float:
    """The chance that the model answers rightly and then stops, over the seven questions."""
    total = 0.0
    for row in rows():
        if row["label"]:
            prompt = tokenizer(row["prompt"])["input_ids"]
            reply = tokenizer(row["completion"] + tokenizer.eos_token)["input_ids"]
            ids = torch.tensor([prompt + reply], device=model.device)
            logps = model(ids).logits[0, len(prompt) - 1 : -1].float().log_softmax(-1)
            total += float(logps.gather(1, ids[0, len(prompt) :, None]).sum().exp())
    return total / len(DAYS)


def main() -> None:
    """Train, and tell what it gave."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kto", action="store_true", help="train with TRL's KTO instead")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs/from-trl"),
        help="folder of the trained model [default: %(default)s]",
    )
    parser.add_argument(
        "--epochs", type=float, default=100.0, help="passes over the rows [default: %(default)s]"
    )
    parser.add_argument(
        "--learning-rate",
        type=float,
        default=1e-3,
        help="peak learning rate [default: %(default)s]",
    )
    asked = parser.parse_args()

    set_seed(0)
    model = str(asked.out) + "-start"
    make_model(Path(model))
    tokenizer = AutoTokenizer.from_pretrained(model)
    before = right(AutoModelForCausalLM.from_pretrained(model), tokenizer)

    if asked.kto:
        from datasets import Dataset
        from trl import KTOConfig, KTOTrainer

        training_args = KTOConfig(
            output_dir=str(asked.out),
            learning_rate=asked.learning_rate,
            num_train_epochs=asked.epochs,
            per_device_train_batch_size=7,
            logging_steps=100,
            report_to="none",
            use_cpu=True,
            bf16=False,
        )
        trainer = KTOTrainer(
            model=model,
            args=training_args,
            train_dataset=Dataset.from_list(rows()),
            processing_class=tokenizer,
        )
    else:
        from oreo_agent import OREOConfig, OREOTrainer

        training_args = OREOConfig(
            output_dir=str(asked.out),
            learning_rate=asked.learning_rate,
            num_train_epochs=asked.epochs,
            per_device_train_batch_size=7,
            logging_steps=100,
            report_to="none",
        )
        trainer = OREOTrainer(
            model=model,
            args=training_args,
            train_dataset=rows(),  # a datasets.Dataset does as well
            processing_class=tokenizer,
        )
    trainer.train()
    trainer.save_model()
    after = right(trainer.model, tokenizer)
    print(f"{asked.out}: right answers {before:.1%} before, {after:.1%} after")


if __name__ == "__main__":
    main()
