"""What browsers subscribe to: one WebSocket, topics with state and diffs.

``socket`` speaks the protocol, ``client`` queues for one browser, ``hub`` makes each topic's messages once for all who
see the same, ``topics`` says what a topic's state is and how it differs, ``entry`` who may come in.
"""
