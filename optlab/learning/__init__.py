"""What grids and training loops share: data, mini-batches, losses, randomness, intervals."""
