"""The dates that records carry: kept true as facts change, and what another policy would make of them."""
