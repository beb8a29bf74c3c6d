LIST @control.landing/check/nothing/;
