"""Which name does the encoder give a person whose photos and name one has?"""
