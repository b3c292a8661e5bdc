"""How is a method trained? Prepares, trains, saves and resumes a run of any method."""
