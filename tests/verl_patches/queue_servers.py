"""TransferQueue's real controller and storage unit on 127.0.0.1, without Ray, until standard input ends; prints their ports.

python queue_servers.py [SECRET_KEY]        with a key, with verl_patches.queue_key, as in a run
"""

import json
import sys

import zmq
from transfer_queue import controller
from transfer_queue.storage import simple_storage

if sys.argv[1:]:
    from verl_patches.queue_key import sockets

    secret = sys.argv[1].encode()
    sockets.key = lambda: (zmq.curve_public(secret), secret)
for module in (controller, simple_storage):
    module.get_node_ip_address = lambda: "127.0.0.1"
unit = simple_storage.SimpleStorageUnit.__ray_actor_class__({})
server = controller.TransferQueueController.__ray_actor_class__()
print(json.dumps(unit.zmq_server_info.ports | server.zmq_server_info.ports), flush=True)
sys.stdin.read()
