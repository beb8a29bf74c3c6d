LIST '@control.landing/data/orders/r/w00001/';
