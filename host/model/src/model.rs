//! The model that users run.

use crate::execute::{self, Step};
use crate::packed::PackedConv;
use crate::plan::Plan;
use crate::{Activations, Kernel, ModelError, check};
use firebrick_network::{Network, NodeId, Op};
use ndarray::ArrayView3;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Sets of buffers kept for the next pictures of the same size.
const SPARE_MAX: usize = 16;

/// A network made ready for running. Clones share the weights.
#[derive(Clone)]
pub struct Model(Arc<Inner>);

struct Inner {
    network: Network,
    kernel: Kernel,
    names: Arc<[String]>,
    steps: Vec<(Step, Vec<NodeId>)>,
    spare: Mutex<Vec<Spare>>,
}

/// Buffers of a finished run.
struct Spare {
    size: (usize, usize),
    plan: Plan,
    buffers: Vec<Vec<u8>>,
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
        let steps = network.nodes.iter().map(|node| {
            let step = match &node.op {
                Op::Conv(conv) => Step::Conv(PackedConv::new(conv)),
                Op::MaxPool(_) => Step::MaxPool,
                Op::Concat => Step::Concat,
                Op::GlobalSum => Step::GlobalSum,
            };
            (step, node.inputs.clone())
        });
        Ok(Model(Arc::new(Inner {
            kernel,
            names: network.nodes.iter().map(|node| node.name.clone()).collect(),
            steps: steps.collect(),
            spare: Mutex::default(),
            network: network.clone(),
        })))
    }

    /// The kernel in use.
    #[must_use]
    pub fn kernel(&self) -> Kernel {
        self.0.kernel
    }

    /// Runs a picture (height, width, 3 channels in the network's order) and keeps every
    /// node's feature map.
    pub fn run(&self, image: &ArrayView3<'_, u8>) -> Result<Activations, ModelError> {
        let Spare {
            plan, mut buffers, ..
        } = self.0.allocate(image)?;
        let logits = self.0.run(&plan, &mut buffers, image);
        Ok(Activations {
            names: self.0.names.clone(),
            buffers,
            places: plan.places,
            logits,
        })
    }

    /// Runs a picture for its logits alone: faster, since the memory of an earlier call for a
    /// picture of the same size is used again.
    pub fn logits(&self, image: &ArrayView3<'_, u8>) -> Result<Vec<i32>, ModelError> {
        let (height, width, channels) = image.dim();
        let spare = if channels == 3 {
            self.0.take((height, width))
        } else {
            None
        };
        let mut spare = match spare {
            Some(spare) => spare,
            None => self.0.allocate(image)?,
        };
        let logits = self.0.run(&spare.plan, &mut spare.buffers, image);
        self.0.give(spare);
        Ok(logits)
    }
}

impl Inner {
    fn run(&self, plan: &Plan, buffers: &mut [Vec<u8>], image: &ArrayView3<'_, u8>) -> Vec<i32> {
        // Once into the thread pool, and not for every node.
        rayon::scope(|_| execute::run(self.kernel, &self.steps, plan, buffers, image))
    }

    /// Plans for a picture's size and allocates zeroed buffers.
    fn allocate(&self, image: &ArrayView3<'_, u8>) -> Result<Spare, ModelError> {
        let shapes = check::picture(&self.network, image)?;
        let (height, width, _) = image.dim();
        let plan = Plan::new(&self.network, height, width, &shapes);
        let buffers = plan
            .buffers
            .iter()
            .map(|layout| vec![0; layout.len()])
            .collect();
        Ok(Spare {
            size: (height, width),
            plan,
            buffers,
        })
    }

    /// Buffers of an earlier run, with their borders still zero: runs write pixels only.
    fn take(&self, size: (usize, usize)) -> Option<Spare> {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        let index = spare.iter().position(|spare| spare.size == size)?;
        Some(spare.swap_remove(index))
    }

    fn give(&self, used: Spare) {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() >= SPARE_MAX {
            spare.remove(0);
        }
        spare.push(used);
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
