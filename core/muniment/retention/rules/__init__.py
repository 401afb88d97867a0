"""From a rule as declared to a date as SQL: what a class is kept by, without anything stored."""
