# Sourced by run.sh. Loom plays what workers share (datapath/src/models.rs) and how threads hand things to
# each other (hosts/unix/src/models.rs) in every order, within the preemptions that each model states.
# Arguments name models; loom's own variables (LOOM_LOG, LOOM_CHECKPOINT_FILE, ...) apply.
#
# Two of the models have a fault and must be found out: `loom_finds_...`.
export RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0
cargo test --quiet -p rumpswitch-datapath -p rumpswitch-unix --lib "models::${1:-}"
echo "loom: nothing was found"
