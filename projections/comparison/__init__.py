"""Arms of an evaluation compared: scores, intervals, verdicts, power, costs."""
