//! The model that users run.

use crate::{Activations, Kernel, ModelError, check, reference};
use firebrick_network::Network;
use ndarray::ArrayView3;

/// A network made ready for running.
#[derive(Clone, Debug)]
pub struct Model {
    network: Network,
    kernel: Kernel,
}

impl Model {
    /// Checks a network and prepares it for the fastest kernel of this processor.
    pub fn new(network: &Network) -> Result<Model, ModelError> {
        Self::with_kernel(network, Kernel::best())
    }

    /// As [`new`](Self::new), with a kernel of choice. All give the same results.
    pub fn with_kernel(network: &Network, kernel: Kernel) -> Result<Model, ModelError> {
        if !kernel.is_available() {
            return Err(ModelError::Kernel(kernel));
        }
        check::network(network)?;
        Ok(Model {
            network: network.clone(),
            kernel,
        })
    }

    /// The kernel in use.
    #[must_use]
    pub fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// Runs a picture (height, width, 3 channels in the network's order) and keeps every
    /// node's feature map.
    pub fn run(&self, image: &ArrayView3<'_, u8>) -> Result<Activations, ModelError> {
        reference::run(&self.network, image)
    }

    /// Runs a picture for its logits alone, which is faster: memory is reused.
    pub fn logits(&self, image: &ArrayView3<'_, u8>) -> Result<Vec<i32>, ModelError> {
        Ok(self.run(image)?.logits)
    }
}
