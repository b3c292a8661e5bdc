"""The dial study, a finished experiment: does AdaLIN's learnt share of instance norm, rho, adapt to its data?

docs/dial-study.md is its plan and its result, docs/reference/dial-study holds its records. Read the modules in this
order: design (what is trained), measurements (what each run is reduced to), verdict (the tests), sentences (the verdict
in words).

    python -m benchmarks.dial_study run --jobs 2
    python -m benchmarks.dial_study verdict --results docs/reference/dial-study
"""
