# What the Makefiles of the samples share: each gives MAIN.
# The toolkit is the one that the sample lies in, assembled and indexed: see ../README.md.
TOOLKIT ?= ../..
SC ?= $(STREAMS_INSTALL)/bin/sc
SCFLAGS ?= -a --c++std=c++11
# Streams 4 makes a standalone program with -T only, later ones always.
STANDALONE ?=

all: distributed

distributed:
	$(SC) $(SCFLAGS) -M $(MAIN) -t $(TOOLKIT)

standalone:
	$(SC) $(SCFLAGS) $(STANDALONE) -M $(MAIN) -t $(TOOLKIT)

clean:
	$(SC) -C -M $(MAIN) -t $(TOOLKIT)
	rm -rf output toolkit.xml

.PHONY: all distributed standalone clean
