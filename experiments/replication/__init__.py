"""What the archived runs of several models come to: effects side by side, means, slopes."""
