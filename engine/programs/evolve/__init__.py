"""The program `evolve`: libraries of skills are learnt over a suite, frozen, and measured."""
