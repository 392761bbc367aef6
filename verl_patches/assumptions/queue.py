"""Assumptions about TransferQueue's sockets."""

from verl_patches.assumptions.kind import Assumption, part
from verl_patches.guard import Accepts, Exists, Says, Signature

QUEUE: tuple[Assumption, ...] = (
    *part(
        "queue",
        "verl_patches.queue_key.sockets",
        ("utils.zmq_utils.create_zmq_socket", Signature("ctx", "socket_type", "ip", "identity")),
        # Options of CURVE count only if they are set before the socket is bound or connected, and each kind is on one side.
        ("utils.zmq_utils.ZMQSocketPool._connect", Says("create_zmq_socket(self._ctx, zmq.DEALER,", "sock.connect(address)")),
        ("storage.managers.base.create_zmq_socket", Exists()),
        (
            "storage.managers.base.StorageManager._connect_to_controller",
            Says("create_zmq_socket(", "zmq.DEALER", "_do_handshake_with_controller()"),
        ),
        (
            "controller.TransferQueueController.__ray_actor_class__._init_zmq_socket",
            Says(
                *("handshake_socket = create_zmq_socket(", "zmq.ROUTER", "handshake_socket.bind("),
                *("request_handle_socket = create_zmq_socket(", "zmq.ROUTER", "request_handle_socket.bind("),
            ),
        ),
        (
            "storage.simple_storage.SimpleStorageUnit.__ray_actor_class__._init_zmq_socket",
            Says(
                *("create_zmq_socket(self.zmq_context, zmq.ROUTER", "self.put_get_socket.bind("),
                *("create_zmq_socket(self.zmq_context, zmq.DEALER", "bind(self._inproc_addr)"),
            ),
        ),
        under="transfer_queue.",
    ),
    *part(
        "queue",
        "verl_patches.queue_key.sockets",
        ("_internal_kv_get", Accepts("key", "namespace")),
        ("_internal_kv_put", Accepts("key", "value", "overwrite", "namespace")),
        under="ray.experimental.internal_kv.",
    ),
)
