"""The engine: trains any method, and saves, resumes and finds its runs."""
