"""The backend `kuberay` of launch/submit.py: a run as a RayJob, for which the KubeRay operator makes a cluster of its own.

command.py          what is sent, checked, printed or applied
settings.py         what differs between Kubernetes clusters, read from a file like settings.yaml.example
sizes.py            how many nodes with how many GPUs the run's overrides and preset ask for
manifest.py         the RayJob
merging.py          a user's own parts, merged into it last
"""
