//! Another Rust archive, with std, to be linked beside the library.

#[unsafe(no_mangle)]
pub extern "C" fn other_sum(n: u32) -> u32 {
    let numbers: Vec<u32> = (1..=n).collect();
    let panicked = std::panic::catch_unwind(|| numbers[numbers.len()]).is_err();
    if panicked { numbers.iter().sum() } else { 0 }
}
