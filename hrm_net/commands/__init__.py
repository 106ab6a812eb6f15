"""What people type, behind hrm_net/cli.py: Hydra's part, help, what evaluating and solving do."""
