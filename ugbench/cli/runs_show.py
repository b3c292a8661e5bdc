"""`ugbench runs show`: everything that is known about one run."""

from __future__ import annotations

from typing import Any

from ugbench.cli.options import RESULTS, Json, Results, RunArgument
from ugbench.cli.output import duration, file_size, print_json, print_rows


def show(run: RunArgument, results: Results = RESULTS, as_json: Json = False) -> None:
    """Show a run: how far it is, its config, what it was trained on, and the disk that it uses.

    \b
    Examples:
      ugbench runs show 3f2a
      ugbench runs show 3f2a --json
    """
    from ugbench.cli.runs_list import describe
    from ugbench.runs.config_fields import readable_config
    from ugbench.runs.folder import CONFIG
    from ugbench.runs.json_file import read_json
    from ugbench.runs.run import find_run
    from ugbench.runs.secrets import redact_origin
    from ugbench.runs.state import disk_bytes

    found_run = find_run(run, results)
    stored_config = read_json(found_run.path / CONFIG)
    if stored_config.get("origin"):
        stored_config["origin"] = redact_origin(stored_config["origin"])
    environment = read_json(found_run.environment_file) if found_run.environment_file.exists() else None
    fields: dict[str, Any] = {
        **describe(found_run),
        "checkpoints": found_run.checkpoint_steps(),
        "disk": {
            "checkpoints": disk_bytes(found_run.checkpoints),
            "outputs": disk_bytes(found_run.all_outputs),
            "samples": disk_bytes(found_run.samples),
        },
        "config": stored_config,
        "environment": environment,
    }
    if as_json:
        print_json(fields)
        return
    left, disk = fields["seconds_left"], fields["disk"]
    rows: list[tuple[str, object]] = [
        ("run", f"{found_run.id} ({found_run.config.label})"),
        ("name", fields["given_name"]),
        ("folder", found_run.path),
        ("status", fields["status"] + (f": {fields['reason']}" if fields["reason"] else "")),
        ("step", f"{fields['step']} saved, {fields['logged_step']} logged, of {found_run.steps}"),
        ("time left", None if left is None else duration(left)),
        ("checkpoints", ", ".join(map(str, fields["checkpoints"])) or None),
        ("disk", f"{file_size(fields['disk_bytes'])}, {file_size(disk['checkpoints'])} of it checkpoints"),
    ]
    config = found_run.config
    rows += [
        (name, getattr(config, name))
        for name in ("seed", "direction", "preset", "precision", "init_from", "init_only", "continue_from")
    ]
    rows += [(f"weights of {network}", digest) for network, digest in config.frozen.items()]
    if config.dataset is not None:
        rows.append(("data set", f"{config.dataset.name}, which lay in {config.dataset.root}"))
    rows += list(readable_config(config.config).items())
    if environment is not None:
        rows.append(("trained on", f"{environment.get('device_name')} ({environment.get('device')})"))
    print_rows(("", ""), [(name, value) for name, value in rows if value is not None])
