"""Screening of names against lists of sanctioned and politically exposed parties: pure, and every hit explained."""
