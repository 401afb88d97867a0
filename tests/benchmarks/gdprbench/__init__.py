"""The GDPRbench workload (Shastri and others, PVLDB 13(7), 2020) driven through the domain, and as plain SQL beside it.

docs/benchmarks.md says how each of its operations is mapped and what came out.
"""
