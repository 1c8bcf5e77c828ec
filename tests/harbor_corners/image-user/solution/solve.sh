#!/bin/bash
id -un > /app/who; echo $HOME >> /app/who
