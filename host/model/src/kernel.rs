//! Which instructions the inner loops use.

use std::fmt;

/// A set of inner loops. All give the same bits; they differ in speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kernel {
    /// Plain Rust, for every processor.
    Portable,
    /// x86-64 with AVX2: products widened to 16 bits, so that none saturates.
    Avx2,
    /// x86-64 with AVX-VNNI: 256-bit `vpdpbusd`.
    AvxVnni,
    /// x86-64 with AVX-512 VNNI: 512-bit `vpdpbusd`.
    Avx512Vnni,
}

impl Kernel {
    /// All kernels, slowest first.
    pub const ALL: [Kernel; 4] = [
        Kernel::Portable,
        Kernel::Avx2,
        Kernel::AvxVnni,
        Kernel::Avx512Vnni,
    ];

    /// The kernels that this processor can run, slowest first; never empty.
    #[must_use]
    pub fn available() -> Vec<Kernel> {
        Self::ALL
            .into_iter()
            .filter(|kernel| kernel.is_available())
            .collect()
    }

    /// The fastest kernel that this processor can run.
    #[must_use]
    pub fn best() -> Kernel {
        Self::available().pop().unwrap_or(Kernel::Portable)
    }

    /// Whether this processor can run the kernel.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Kernel::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2 => is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Kernel::AvxVnni => {
                is_x86_feature_detected!("avx2") && is_x86_feature_detected!("avxvnni")
            }
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512Vnni => {
                is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512vnni")
            }
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        }
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kernel::Portable => "portable code",
            Kernel::Avx2 => "AVX2",
            Kernel::AvxVnni => "AVX-VNNI",
            Kernel::Avx512Vnni => "AVX-512 VNNI",
        })
    }
}
