"""The storage SCP: who may send, what is kept, what is answered."""
