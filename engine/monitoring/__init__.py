"""What was answered, how well, and what moved. Verdicts come out; acting on them is for the floors above."""
