"""Who lets a rule dispose of anything: nothing goes without somebody who has looked."""
