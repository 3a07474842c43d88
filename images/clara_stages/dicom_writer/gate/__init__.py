"""Nothing wrong gets past here: what is written is checked before anybody sees it."""
