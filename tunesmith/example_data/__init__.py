"""Made-up data sets to try Tunesmith on."""
