"""The assessment desk's decision: how risky a subject is, by weighted rules, thresholds and outside data."""
