"""PDI: readings, audits and calibration."""
