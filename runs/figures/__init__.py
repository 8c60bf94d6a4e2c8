"""Run files that draw published figures again, as planes (`sampler: {grid: {x: ..., y: ...}}`)."""
