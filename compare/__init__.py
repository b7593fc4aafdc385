"""The PyTorch twin and the comparison; torch may be imported here and nowhere else."""
