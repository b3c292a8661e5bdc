"""What looks like a secret in a command."""

from __future__ import annotations

import pytest

from ugbench.runs.secrets import LONGEST, redact

SECRETS = [
    ("env API_KEY=hunter2 tool {input} {output}", "env API_KEY=[redacted] tool {input} {output}"),
    ("sh -c 'export A_B=hunter2; tool {input}'", "sh -c 'export A_B=[redacted] tool {input}'"),
    ("docker run -e 'PASS=hunter2 b' img {input}", "docker run -e 'PASS=[redacted]' img {input}"),
    ("tool --token hunter2 {input}", "tool --token [redacted] {input}"),
    ("tool --token 'hunter2 b' {input}", "tool --token [redacted] {input}"),
    ("tool --hf-api-key=hunter2 {input}", "tool --hf-api-key=[redacted] {input}"),
    ("tool --password hunter2", "tool --password [redacted]"),
    ("curl 'https://host/x?token=hunter2&size=3'", "curl 'https://host/x?token=[redacted]&size=3'"),
    ("curl https://ann:hunter2@host/x", "curl https://[redacted]@host/x"),
    ("curl -H 'Authorization: Bearer hunter2'", "curl -H 'Authorization: Bearer [redacted]'"),
    ("tool sk-abcdefghijkl", "tool [redacted]"),
    ("tool hf_abcdefghijklmnop", "tool [redacted]"),
    ("tool ghp_0123456789abcdefABCDEF", "tool [redacted]"),
    ("tool AKIAIOSFODNN7EXAMPLE", "tool [redacted]"),
    ("tool wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "tool [redacted]"),
    ("tool 9f86d081884c7d659a2feaa0c55ad015", "tool [redacted]"),
    ("tool 123e4567-e89b-12d3-a456-426614174000", "tool [redacted]"),
    ("tool Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5", "tool [redacted]"),
]


@pytest.mark.parametrize(("command", "shown"), SECRETS)
def test_a_secret_is_replaced_and_the_rest_stays(command: str, shown: str) -> None:
    assert redact(command) == shown
    assert redact(shown) == shown


@pytest.mark.parametrize(
    "command",
    [
        "python test.py --dataroot {input} --results_dir {output} --name horse2zebra_pretrained --model test",
        "python /home/u/CycleGAN_horse2zebra_pretrained_v2/test.py --lr=1e-3 --keep 3 --input={input}",
        "tool --config=/home/u/U-GAT-IT/selfie2anime_checkpoint_1000000.pt --set lr=1e-3 --monkey 3 --tokenizer bpe",
        "tool --keyframes 2 --author me --in {input} --out {output}",
        "FOLDER={input} tool",
    ],
)
def test_a_command_without_secrets_stays(command: str) -> None:
    assert redact(command) == command


def test_a_command_is_kept_up_to_a_length() -> None:
    assert redact("a " * LONGEST) == ("a " * LONGEST)[:LONGEST] + "…"
