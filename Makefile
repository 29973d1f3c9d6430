# What a newcomer runs: `make test` installs what the tests need and runs them all.

.PHONY: run test tools check

run:
	cargo run --release

test: tools
	./scripts/test.sh

# A test that needs Redis starts a private server of its own; this only makes sure that there is one to start.
tools:
	@command -v redis-server >/dev/null || command -v valkey-server >/dev/null || ./scripts/install.sh redis-server

# What must hold besides the tests.
check:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items
