"""Two nodes of Ray on this machine, until standard input ends; a line on it takes one node away by force."""

import json
import sys

import ray
from ray.cluster_utils import Cluster

MEMORY = 100 * 2**20  # bytes of the store of a node

if __name__ == "__main__":
    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 1, "object_store_memory": MEMORY, "include_dashboard": False},
    )
    other = cluster.add_node(num_cpus=1, object_store_memory=MEMORY)
    ray.init(cluster.address, logging_level="ERROR")
    cluster.wait_for_nodes()
    sys.stdout.write(json.dumps(cluster.address) + "\n")
    sys.stdout.flush()
    ray.shutdown()  # it would write of what is lost on standard output
    for _ in sys.stdin:
        cluster.remove_node(other, allow_graceful=False)
        other = cluster.add_node(num_cpus=1, object_store_memory=MEMORY)
        sys.stdout.write("another\n")
        sys.stdout.flush()
    cluster.shutdown()
