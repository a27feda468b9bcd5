"""How data/ is filled; the stage itself is __main__.py."""
