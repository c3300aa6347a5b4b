"""Answers to the page, as JSON, images and events; each module holds the routes of one subject."""
