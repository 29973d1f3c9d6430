# What a newcomer runs: `make test` installs what the tests need and runs them all.

.PHONY: run cluster test faults rolling soak peers mutations bench bench-short instructions instructions-accept proofs tools check fuzz audit advisories valgrind deb

# As it was built together with the gateway; built alone it has other features of what both use, and takes minutes more.
LOADTEST = $(or $(CARGO_TARGET_DIR),target)/release/loadtest

run:
	cargo run --release

# Three nodes on one Redis behind HAProxy, with Prometheus beside them, until Ctrl-C. It says what to try.
cluster: tools
	cargo build --release -p conversation-gateway -p conversation-loadtest
	$(LOADTEST) cluster \
	  --prometheus target/tools/prometheus/usr/bin/prometheus --prometheus-configuration deploy/prometheus

test: tools
	./scripts/test.sh

# Breaks everything that can break, under load, and writes the table of docs/RELIABILITY.md; some ten minutes.
# One scenario: make faults ONLY=redis-paused
faults: tools
	@ls /usr/lib/*/faketime/libfaketimeMT.so.1 >/dev/null 2>&1 || ./scripts/install.sh libfaketime
	cargo build --release -p conversation-gateway -p conversation-loadtest
	$(LOADTEST) faults --report docs/RELIABILITY.md $(if $(ONLY),--only $(ONLY))

# Puts known bugs back one at a time: a test must find each. Some ten minutes.
mutations: tools
	./scripts/mutations.sh

# A long mixed load on nodes and a Redis of its own: the figures of docs/RELIABILITY.md and their plot. Shorter: make soak SOAK_MINUTES=5
soak: tools
	cargo build --release -p conversation-gateway -p conversation-loadtest
	$(LOADTEST) soak --minutes $(or $(SOAK_MINUTES),30) --svg docs/soak.svg --report docs/RELIABILITY.md

# Restarts three nodes behind HAProxy one after the other and kills one, under load: a table of docs/RELIABILITY.md; some two minutes.
rolling: tools
	cargo build --release -p conversation-gateway -p conversation-loadtest
	$(LOADTEST) rolling --report docs/RELIABILITY.md

# What `loadtest compare` compares the gateway with: nchan, and Socket.IO. Centrifugo has no package in Debian.
peers: tools
	./scripts/peers.sh

# What each step on a message's way costs in time; some two minutes, after a build for release. Only some: make bench ONLY=commit
bench: tools
	cargo bench --workspace --bench wire --bench rules --bench stores --bench delivery -- $(ONLY)

# Each of them once, without optimization: do they still run?
bench-short: tools
	cargo test --workspace --bench '*'

# What the hot path costs in instructions, which differ little from run to run: an error if they are more than 10 % above the
# accepted ones. The second writes those.
instructions: valgrind
	./scripts/instructions.sh

instructions-accept: valgrind
	./scripts/instructions.sh --accept

# The table of rules and the tests that prove them, from the last run of the tests.
proofs:
	cargo xtask proofs --log target/test.log

# A test that needs Redis, HAProxy, nginx, Prometheus or Chromium starts one of its own; this only makes sure that there is one to
# start. The packages of protocol/check are the public validators of the documents, those of clients/web the compiler and what
# measures its size, and of its examples what they are built with; those of scripts/deploy and of its requirements.txt the public linters of deploy/.
DEPLOY_LINTERS = target/tools/deploy
tools: $(DEPLOY_LINTERS)/bin/hadolint
	@command -v redis-server >/dev/null || command -v valkey-server >/dev/null || ./scripts/install.sh redis-server
	@command -v haproxy >/dev/null || ./scripts/install.sh haproxy
	@command -v nginx >/dev/null || ./scripts/install.sh nginx
	@command -v openssl >/dev/null || ./scripts/install.sh openssl
	@command -v npm >/dev/null || ./scripts/install.sh nodejs npm
	@./scripts/prometheus.sh
	@command -v systemd-analyze >/dev/null || ./scripts/install.sh systemd
	@command -v chromium >/dev/null || ./scripts/install.sh chromium fonts-dejavu-core
	@for packages in protocol/check clients/web clients/web/examples scripts/deploy; do \
	  (cd $$packages && { [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --silent; }) || exit 1; \
	done

$(DEPLOY_LINTERS)/bin/hadolint: scripts/deploy/requirements.txt
	@python3 -c 'import ensurepip' 2>/dev/null || ./scripts/install.sh python3-venv
	@python3 -m venv $(DEPLOY_LINTERS)
	@$(DEPLOY_LINTERS)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

valgrind:
	@command -v valgrind >/dev/null || ./scripts/install.sh valgrind

# What must hold besides the tests.
check: tools
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy -p conversation-gateway --no-default-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items
	./scripts/documents.sh
	cd clients/web && npm run --silent check
	./scripts/mutations.sh --check
	./scripts/deploy.sh

# What dependencies may be (deny.toml): licences, sources, banned and doubled crates. The tool is built once, in two minutes.
DENY = target/tools/bin/cargo-deny
audit: $(DENY)
	$(DENY) --locked check bans licenses sources

# Known vulnerabilities and yanked crates, by the RustSec database: needs the network.
advisories: $(DENY)
	$(DENY) --locked check advisories

$(DENY): Makefile
	cargo install cargo-deny --version 0.20.2 --locked --root target/tools
	@touch $@

# A Debian package of the gateway and its unit, in target/debian.
DEB = target/tools/bin/cargo-deb
deb: $(DEB)
	$(DEB) --locked -p conversation-gateway

$(DEB): Makefile
	cargo install cargo-deb --version 3.8.0 --locked --root target/tools
	@touch $@

# Everything that is read from outside, fed with mutations of what it should get; so many seconds in all.
fuzz:
	FUZZ_SECONDS=$${FUZZ_SECONDS:-60} cargo test -p conversation-fuzz --test targets -- --nocapture --test-threads 1
