"""Studies on SLURM, through submitit: each run is a task of a job array, and scoring is a job that waits for them."""
