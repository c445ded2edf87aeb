//! The negative control of `archive.rs`: a function that can panic. Its archive must be refused.
#![no_std]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_indexing(data: *const u8, len: usize, index: usize) -> u8 {
    let data = unsafe { core::slice::from_raw_parts(data, len) };
    data[index]
}
