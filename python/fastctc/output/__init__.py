"""What results look like in files: subtitles, words with their times, JSON, pictures."""
