"""The same recording through several programs, compared stage by stage, and the usual mistakes by their signature."""
