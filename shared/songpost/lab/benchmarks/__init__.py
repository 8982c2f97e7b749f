"""Measurements that take minutes: how well the learner learns, on simulated audiences and against other libraries."""
