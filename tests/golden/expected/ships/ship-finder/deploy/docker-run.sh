#!/bin/sh
# The container as a command: ships/ship-finder, made from the metadata of the model.
#
# Stated in the model file:
#   dlm:runtime.docker.image_name: ships
#   dlm:runtime.docker.tag: 1.2
#   dlm:runtime.docker.gpu: yes, all of them
#
# Inferred:
#   the command is the one of the image, because none is stated
set -eu
exec docker run --rm --gpus all ships:1.2 "$@"
