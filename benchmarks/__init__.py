"""Measurements of speed, memory and statistics, each a script; and dial_study, a finished experiment."""
