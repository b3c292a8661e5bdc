"""The contract of methods: all its checks in one list."""

from __future__ import annotations

from collections.abc import Iterator

from ugbench import registry
from ugbench.contract import config_checks, step_checks, training_checks, translation_checks
from ugbench.contract.check import Check, Outcome, run_checks
from ugbench.errors import UnknownName

METHOD_CHECKS = (
    Check(
        "loads",
        "the module can be imported and has one complete Method class",
        config_checks.loads,
        each_variant=False,
        is_gate=True,
    ),
    Check(
        "configs",
        "each preset with each variant gives a complete config that survives storing",
        config_checks.has_complete_configs,
        each_variant=False,
        is_gate=True,
    ),
    Check(
        "shapes",
        "a method is built, trained and translates on shapes alone, and a step hides no state",
        config_checks.trains_on_shapes,
        is_gate=True,
    ),
    Check("paper-size", "the preset paper is at 256 px", config_checks.paper_is_at_256_px, each_variant=False),
    Check("smoke-size", "the preset smoke takes 32, 64 and 128 px with 16 channels", config_checks.smoke_is_small),
    Check("rectangles", "images may be higher than wide, or wider than high", config_checks.takes_rectangles),
    Check(
        "scalars",
        "logged scalars are scalars",
        config_checks.scalars_are_scalars,
        about="scalars",
    ),
    Check(
        "groups",
        "groups are disjoint and cover every parameter",
        step_checks.groups_cover_the_parameters,
        about="groups",
    ),
    Check(
        "frozen",
        "frozen networks stay as they are, and nothing keeps a graph",
        step_checks.only_groups_are_trained,
        about="step",
    ),
    Check(
        "updates",
        "every group is updated in the first or last period",
        step_checks.every_group_is_updated,
        about="step",
    ),
    Check(
        "schedules",
        "schedules begin at 1 and stay from 0 to 1",
        step_checks.schedules_are_factors,
        about="groups",
    ),
    Check(
        "phases",
        "a phase moves its own groups and no others",
        step_checks.a_phase_moves_its_groups_alone,
        about="step",
    ),
    Check(
        "batch-of-1",
        "a step takes one image with finite scalar losses",
        step_checks.takes_one_image,
        about="step",
    ),
    Check(
        "batch-of-3",
        "a step takes three images with finite scalar losses",
        step_checks.takes_three_images,
        about="step",
    ),
    Check(
        "bfloat16",
        "a step with networks in bfloat16 is finite",
        step_checks.is_finite_in_bfloat16,
        about="step",
    ),
    Check(
        "devices",
        "a step on a GPU uses no tensor of the CPU (on shapes, without a GPU)",
        step_checks.works_on_one_device,
    ),
    Check(
        "means",
        "losses are means over samples",
        step_checks.losses_are_means,
        about="step",
    ),
    Check(
        "state",
        "the state dict is all that a step depends on",
        step_checks.state_dict_is_the_state,
        about="step",
    ),
    Check(
        "translation",
        "outputs are images of the shape of the inputs",
        translation_checks.translates_to_images,
        about="translate",
    ),
    Check(
        "neighbours",
        "an output does not depend on the other images of a batch",
        translation_checks.outputs_do_not_depend_on_neighbours,
        about="translate",
    ),
    Check(
        "inference",
        "translation needs the networks of inference() alone",
        translation_checks.inference_names_what_translation_needs,
        about="inference",
    ),
    Check(
        "styles",
        "the style of an image is its own",
        translation_checks.styles_of_images_are_styles,
        about="encode_style",
        each_variant=False,
    ),
    Check(
        "attention",
        "attention maps are finite, one per image",
        translation_checks.attention_has_a_map_per_image,
        about="attention",
    ),
    Check(
        "imported-attention",
        "attention leaves out what an imported run lacks",
        translation_checks.attention_leaves_out_missing_networks,
        about="attention",
    ),
    Check(
        "feature-maps",
        "feature maps are those of attention, and more of the kind",
        translation_checks.feature_maps_have_those_of_attention,
        about="feature_maps",
    ),
    Check(
        "draws",
        "a step takes the draws of the engine",
        training_checks.the_engine_makes_its_draws,
        about="draws",
        each_variant=False,
    ),
    Check(
        "resume",
        "a training that is killed and started again ends with the same bits",
        training_checks.a_killed_training_goes_on,
        about="step",
    ),
    Check(
        "resume-each-step",
        "a training that is killed after every step ends with the same bits",
        training_checks.a_training_may_be_killed_after_each_step,
        about="step",
        each_variant=False,
    ),
    Check(
        "continue",
        "a continued training ends with the bits of a longer one",
        training_checks.a_continued_training_is_a_longer_one,
        about="step",
        each_variant=False,
    ),
)


def check_method(name: str, variants: tuple[str | None, ...] | None = None) -> Iterator[Outcome]:
    """The outcome of each check of a method, as soon as it is known; training is on the CPU, at 32 px.

    Args:
        name: the method's registered name.
        variants: which of them are checked; None stands for the base. By default all.
    Raises:
        UnknownName: there is no such method or variant.
        Stopped: a signal asked to stop.
    """
    known = registry.modules("methods")
    if name not in known:
        raise UnknownName("method", name, known)
    chosen = variants
    try:
        has = (None, *registry.load_method(name).VARIANTS)
    except Exception:  # of any type: the check `loads` says what is wrong
        has, chosen = (None,), None
    for variant in chosen or ():
        if variant not in has:
            raise UnknownName("variant", str(variant), [label for label in has if label is not None])
    return run_checks(
        METHOD_CHECKS,
        name,
        has if chosen is None else chosen,
        lambda function: getattr(registry.load_method(name), function, None),
    )
