//! The model that users run.

use crate::execute;
use crate::packed::{PackedConv, WeightOrder};
use crate::plan::BufferPlan;
use crate::spare::{Lease, RunMemory, Spares};
use crate::{Activations, Kernel, ModelError, check};
use firebrick_network::op::Op;
use firebrick_network::{Network, NodeId};
use ndarray::ArrayView3;
use std::fmt;
use std::sync::Arc;

/// A network prepared for running. Clones share the weights.
#[derive(Clone)]
pub struct Model(Arc<Inner>);

struct Inner {
    network: Network,
    kernel: Kernel,
    names: Arc<[String]>,
    steps: Vec<(Op<PackedConv>, Vec<NodeId>)>,
    spares: Arc<Spares>,
}

impl Model {
    /// Checks a network and prepares it for the fastest kernel of this processor.
    ///
    /// # Errors
    ///
    /// If the network is malformed, or an accumulator could overflow.
    pub fn new(network: &Network) -> Result<Model, ModelError> {
        Self::with_kernel(network, Kernel::best())
    }

    /// As [`new`](Self::new), with a given kernel. All kernels give the same results.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), or if this processor cannot run the kernel.
    pub fn with_kernel(network: &Network, kernel: Kernel) -> Result<Model, ModelError> {
        if !kernel.is_available() {
            return Err(ModelError::Kernel(kernel));
        }
        check::network(network)?;
        let order = match kernel {
            Kernel::Portable => WeightOrder::ByInput,
            _ => WeightOrder::ByChannel,
        };
        let steps = network.nodes.iter().map(|node| {
            let op = node.op.map(|conv| PackedConv::new(conv, order));
            (op, node.inputs.clone())
        });
        Ok(Model(Arc::new(Inner {
            kernel,
            names: network.nodes.iter().map(|node| node.name.clone()).collect(),
            steps: steps.collect(),
            spares: Arc::default(),
            network: network.clone(),
        })))
    }

    /// The kernel in use.
    #[must_use]
    pub fn kernel(&self) -> Kernel {
        self.0.kernel
    }

    /// Runs a picture (row, column, 3 channels in the network's order) and keeps every node's
    /// feature map. The memory of dropped activations is reused by the next run.
    ///
    /// # Errors
    ///
    /// If the picture is empty, has another number of channels, or is too small for a layer.
    pub fn run(&self, image: &ArrayView3<'_, u8>) -> Result<Activations, ModelError> {
        let mut memory = self.0.memory(image)?;
        let logits = self.0.run(&mut memory, image);
        Ok(Activations::new(self.0.names.clone(), memory, logits))
    }

    /// Runs a picture and gives only its logits: for each class the exact sum over the last map.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn logits(&self, image: &ArrayView3<'_, u8>) -> Result<Vec<i32>, ModelError> {
        let mut memory = self.0.memory(image)?;
        Ok(self.0.run(&mut memory, image))
    }
}

impl Inner {
    fn run(&self, memory: &mut RunMemory, image: &ArrayView3<'_, u8>) -> Vec<i32> {
        let RunMemory { plan, buffers, .. } = memory;
        // Once into the thread pool, and not for every node.
        rayon::scope(|_| execute::run(self.kernel, &self.steps, plan, buffers, image))
    }

    /// Memory for a picture: of an earlier run of the same size, or new.
    fn memory(&self, image: &ArrayView3<'_, u8>) -> Result<Lease, ModelError> {
        let (height, width, channels) = image.dim();
        if channels == 3
            && let Some(memory) = self.spares.take((height, width))
        {
            return Ok(Lease::new(memory, &self.spares));
        }
        let shapes = check::picture(&self.network, image)?;
        let plan = BufferPlan::new(&self.network, height, width, &shapes);
        Ok(Lease::new(
            RunMemory::new((height, width), plan),
            &self.spares,
        ))
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model")
            .field("network", &self.0.network.name)
            .field("kernel", &self.0.kernel)
            .finish()
    }
}
