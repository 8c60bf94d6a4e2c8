"""Runs carried out, from the run file to the finished output folder."""
