"""The hub as a client sees it: addresses, requests, uploads, retries."""
